// A program for `queueworker --serve ./handler` (go build -o handler main.go). docs/serve.md explains the lines.
package main

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
)

type Message struct {
	ID           string `json:"id"`
	Body         string `json:"body"`
	ReceiveCount int    `json:"receiveCount"`
}

type Answer struct {
	ID      string  `json:"id"`
	Success bool    `json:"success,omitempty"`
	Failure string  `json:"failure,omitempty"`
	Retry   float64 `json:"retry,omitempty"` // seconds
	Reject  string  `json:"reject,omitempty"`
	Extend  float64 `json:"extend,omitempty"` // seconds
}

// A Decoder takes lines of any length: a message has up to 3 MiB in JSON.
var (
	in  = json.NewDecoder(os.Stdin)
	out = json.NewEncoder(os.Stdout)
)

type Order struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Early    bool   `json:"early"`
	Large    bool   `json:"large"`
}

func handle(message Message) Answer {
	var order Order
	if err := json.Unmarshal([]byte(message.Body), &order); err != nil {
		return Answer{Failure: err.Error()}
	}
	switch {
	case order.Customer == "nobody":
		return Answer{Reject: "no such customer"} // to the dead-letter queue
	case order.Early:
		return Answer{Retry: 60} // shown again in a minute
	case order.Large && !extend(message, 600):
		return Answer{Failure: "another worker may have the message by now"}
	}
	log.Printf("handled %s", order.ID) // standard error is the worker's log; fmt.Print would be taken for an answer
	return Answer{Success: true}
}

// extend hides the message for this long from now on, and reports whether SQS has confirmed it.
func extend(message Message, seconds float64) bool {
	var confirmed struct {
		Extended bool `json:"extended"`
	}
	write(Answer{ID: message.ID, Extend: seconds})
	read(&confirmed)
	return confirmed.Extended
}

func read(line any) {
	if err := in.Decode(line); errors.Is(err, io.EOF) {
		os.Exit(0) // the worker ends
	} else if err != nil {
		log.Fatal(err)
	}
}

func write(line any) {
	if err := out.Encode(line); err != nil {
		log.Fatal(err)
	}
}

func main() {
	write(map[string]bool{"ready": true})
	for {
		var message Message
		read(&message)
		answer := handle(message)
		answer.ID = message.ID
		write(answer)
	}
}

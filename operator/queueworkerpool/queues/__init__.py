"""Queue services, one package each; today only `sqs`. They return readings and decide nothing."""

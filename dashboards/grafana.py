"""The only adapter to grafana-foundation-sdk: turns a dashboard's values into the JSON that Grafana loads.

`docs/generate.py` calls it. It knows no metric, and it gives panels their numbers in the order in which they stand.
"""

import json
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.model import Annotation, Color, Dashboard, Kind, Panel, Query, Variable

TAG = "queueworkerpool"
RUNBOOKS = "docs/runbooks"
"""Where the runbooks are, as the variable `runbooks` says until somebody, or the chart, puts an address there."""

_HEIGHTS = {Kind.NUMBER: 4, Kind.STATES: 7, Kind.LINES: 8, Kind.BARS: 8, Kind.TABLE: 9}
_SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
_AnyPanel = timeseries.Panel | stat.Panel | statetimeline.Panel | table.Panel


def to_json(shown: Dashboard) -> str:
    """Return the dashboard as Grafana's JSON."""
    builder = (
        builders.Dashboard(shown.title)
        .uid(shown.uid)
        .description(shown.description)
        .tags([TAG])
        .editable()
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .time("now-3h", "now")
        .refresh("30s")
        .timezone("browser")
        .with_variable(builders.DatasourceVariable("datasource").label("data source").type("prometheus"))
        .link(_other_dashboards())
    )
    for variable in shown.variables:
        builder.with_variable(_variable(variable))
    builder.with_variable(builders.ConstantVariable("runbooks").value(RUNBOOKS))
    for annotation in shown.annotations:
        builder.annotation(_annotation(annotation))
    number = 0
    for row in shown.rows:
        number += 1
        builder.with_row(builders.Row(row.title).id(number))
        for panel in row.panels:
            number += 1
            builder.with_panel(_panel(panel, number))
    drawn = json.loads(json.dumps(builder.build(), cls=JSONEncoder))
    _add_texts(drawn, shown.annotations)
    return json.dumps(drawn, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _other_dashboards() -> builders.DashboardLink:
    link = builders.DashboardLink("QueueWorkerPool").type(dashboard.DashboardLinkType.DASHBOARDS).tags([TAG])
    return link.include_vars(True).keep_time(True)  # noqa: FBT003 -- theirs


def _variable(variable: Variable) -> builders.QueryVariable:
    return (
        builders.QueryVariable(variable.name)
        .label(variable.label)
        .datasource(_SOURCE)
        .query(f"label_values({variable.selector}, {variable.label})")
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
        .multi(True)  # noqa: FBT003 -- theirs
        .include_all(True)  # noqa: FBT003 -- theirs
        .all_value(variable.everything)
    )


def _annotation(annotation: Annotation) -> builders.AnnotationQuery:
    query = builders.AnnotationQuery().name(annotation.name).datasource(_SOURCE).expr(annotation.promql)
    return query.enable(True).icon_color(annotation.color.value)  # noqa: FBT003 -- theirs


def _add_texts(drawn: Mapping[str, Any], annotations: Sequence[Annotation]) -> None:
    """Add what the library has no field for: the text of an annotation by Prometheus."""
    for found, annotation in zip(drawn["annotations"]["list"], annotations, strict=True):
        found |= {"titleFormat": annotation.name, "textFormat": annotation.text}


def _panel(panel: Panel, number: int) -> _AnyPanel:
    drawn = (
        _MAKERS[panel.kind](panel)
        .id(number)
        .title(panel.title)
        .description(panel.description)
        .datasource(_SOURCE)
        .span(panel.width)
        .height(_HEIGHTS[panel.kind])
        .unit(panel.unit.value)
        .links([_runbook(alert) for alert in panel.runbooks])
        .targets(
            [
                _target(panel.kind, query, letter)
                for letter, query in zip(string.ascii_uppercase, panel.queries, strict=False)
            ]
        )
    )
    if panel.colors:
        by_value = builders.FieldColor().mode(dashboard.FieldColorModeId.THRESHOLDS)
        drawn.thresholds(_thresholds(panel.colors)).color_scheme(by_value)
    return drawn


def _runbook(alert: str) -> builders.DashboardLink:
    address = f"${{runbooks}}/{alert}.md"
    return builders.DashboardLink(f"Runbook {alert}").url(address).target_blank(True)  # noqa: FBT003 -- theirs


def _target(kind: Kind, query: Query, letter: str) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(letter).expr(query.promql).legend_format(query.legend)
    if kind is Kind.TABLE:
        return target.instant().format(PromQueryFormat.TABLE)
    return target.instant() if kind is Kind.NUMBER else target.range()


def _thresholds(colors: Sequence[tuple[float, Color]]) -> builders.ThresholdsConfig:
    # Grafana's first step holds for whatever is below the second one, and has no value of its own.
    steps = [dashboard.Threshold(value if index else None, color.value) for index, (value, color) in enumerate(colors)]
    return builders.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps)


def _lines(_: Panel) -> timeseries.Panel:
    legend = common_builders.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST)
    tooltip = common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI)
    placed = legend.placement(common.LegendPlacement.BOTTOM).show_legend(True)  # noqa: FBT003 -- theirs
    return timeseries.Panel().min(0).legend(placed).tooltip(tooltip).show_points(common.VisibilityMode.NEVER)


def _bars(panel: Panel) -> timeseries.Panel:
    stacked = common_builders.StackingConfig().mode(common.StackingMode.NORMAL)
    return _lines(panel).draw_style(common.GraphDrawStyle.BARS).fill_opacity(60).stacking(stacked)


def _number(_: Panel) -> stat.Panel:
    newest = common_builders.ReduceDataOptions().calcs(["lastNotNull"])
    return stat.Panel().reduce_options(newest).graph_mode(common.BigValueGraphMode.NONE)


def _states(_: Panel) -> statetimeline.Panel:
    return statetimeline.Panel().show_value(common.VisibilityMode.NEVER).merge_values(True)  # noqa: FBT003 -- theirs


def _table(panel: Panel) -> table.Panel:
    heads = {
        f"Value #{letter}": query.legend for letter, query in zip(string.ascii_uppercase, panel.queries, strict=False)
    }
    to_pool = {
        "title": "Only this pool",
        "url": "/d/queueworkerpool-pools?var-namespace=${__data.fields.namespace}&var-pool=${__data.fields.pool}"
        "&${datasource:queryparam}&${__url_time_range}",
    }
    return (
        table.Panel()
        .show_header(True)  # noqa: FBT003 -- theirs; without any option the library writes null
        .with_transformation(dashboard.DataTransformerConfig("merge", options={}))
        .with_transformation(
            dashboard.DataTransformerConfig(
                "organize", options={"excludeByName": {"Time": True}, "renameByName": heads}
            )
        )
        .override_by_name("pool", [dashboard.DynamicConfigValue("links", [to_pool])])
    )


_MAKERS: Mapping[Kind, Callable[[Panel], _AnyPanel]] = {
    Kind.LINES: _lines,
    Kind.BARS: _bars,
    Kind.NUMBER: _number,
    Kind.STATES: _states,
    Kind.TABLE: _table,
}

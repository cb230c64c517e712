{#- A row a day: MetricFlow lays windows of days over it. Not part of a run: see metrics.yml. -#}
select explode(sequence(date_add({{ as_of() }}, -3660), {{ as_of() }}, interval 1 day)) as date_day

/* sluice
description: Departure delay by visibility and wind at the hour of departure
grain: [visibility, wind]
tags: [punctuality]
checks:
  - unique: [visibility, wind]
*/
with sky as (
    select
        f.dep_delay,
        f.dep_time is null as is_cancelled,
        case when w.visib < 1 then 'fog' when w.visib < 5 then 'haze' else 'clear' end as visibility,
        case when w.wind_speed >= 25 then 'storm' when w.wind_speed >= 15 then 'windy' else 'calm' end as wind
    from clean.flights f
    join clean.weather w on w.origin = f.origin and w.time_hour = f.time_hour
)
select
    visibility,
    wind,
    count(*) as flights,
    round(avg(dep_delay), 1) as average_delay,
    round(100.0 * count(*) filter (where is_cancelled) / count(*), 1) as cancelled_percent
from sky
group by visibility, wind

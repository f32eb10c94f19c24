/* sluice
description: Scheduled departures per airport and hour of the day, with the share that leaves late
grain: [origin, hour]
checks:
  - unique: [origin, hour]
*/
select
    origin,
    hour,
    count(*) as flights,
    round(count(*) / 365.0, 1) as flights_a_day,
    round(100.0 * count(*) filter (where dep_delay > 15) / count(*), 1) as late_percent,
    rank() over (partition by origin order by count(*) desc, hour) as busiest
from clean.flights
group by origin, hour

/* sluice
description: Punctuality per airline
grain: [carrier]
tags: [punctuality]
checks:
  - not_null: [carrier, name]
  - unique: [carrier]
*/
with flown as (
    select carrier, dep_delay, arr_delay, dep_time is null as is_cancelled
    from clean.flights
)
select
    f.carrier,
    a.name,
    count(*) as flights,
    count(*) filter (where f.is_cancelled) as cancelled,
    round(avg(f.dep_delay), 2) as average_departure_delay,
    round(avg(f.arr_delay), 2) as average_arrival_delay,
    round(100.0 * count(*) filter (where f.arr_delay > 15) / count(f.arr_delay), 2) as late_percent
from flown f
join clean.airlines a using (carrier)
group by f.carrier, a.name

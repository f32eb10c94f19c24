/* sluice
description: Traffic and speed per route; the name is empty for airports that are not in the register
grain: [origin, dest]
checks:
  - unique: [origin, dest]
  - expression: speed_mph is null or speed_mph between 100 and 600
*/
select
    f.origin,
    f.dest,
    p.name as dest_name,
    count(*) as flights,
    count(distinct f.carrier) as carriers,
    min(f.distance) as distance,
    round(60.0 * sum(f.distance) filter (where f.air_time is not null) / sum(f.air_time), 1) as speed_mph,
    median(f.arr_delay) as median_arrival_delay
from clean.flights f
left join clean.airports p on p.faa = f.dest
group by f.origin, f.dest, p.name

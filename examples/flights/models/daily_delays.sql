/* sluice
description: Punctuality per day and airport
grain: [day, origin]
tags: [punctuality]
write: partition
partition_by: [month]
checks:
  - not_null: [month, day, origin]
  - unique: [day, origin]
  - expression: cancelled <= flights
*/
select
    make_date(year, month, 1) as month,
    make_date(year, month, day) as day,
    origin,
    count(*) as flights,
    count(*) filter (where dep_time is null) as cancelled,
    count(*) filter (where dep_delay > 15) as late,
    sum(dep_delay) as delay_minutes,
    max(dep_delay) as worst_delay
from clean.flights
group by all

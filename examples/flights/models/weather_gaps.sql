/* sluice
description: Days for which an airport lacks hourly readings
grain: [origin, day]
tags: [quality]
checks:
  - unique: [origin, day]
  - expression: readings < 24
*/
select
    origin,
    make_date(year, month, day) as day,
    count(*) as readings,
    24 - count(*) as missing
from clean.weather
group by origin, year, month, day
having count(*) < 24

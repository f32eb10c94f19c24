/* sluice
description: The last flight of each plane
grain: [tailnum]
tags: [fleet]
write: merge
key: [tailnum]
order_by: [time_hour, carrier, flight]
checks:
  - unique: [tailnum]
*/
select tailnum, time_hour, carrier, flight, origin, dest
from clean.flights
where tailnum is not null and dep_time is not null

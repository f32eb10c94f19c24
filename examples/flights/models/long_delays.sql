/* sluice
description: Every flight that left three hours late or more, as it was reported
grain: [time_hour, carrier, flight]
tags: [events]
write: append
checks:
  - expression: dep_delay >= 180
*/
select f.time_hour, f.carrier, f.flight, a.name as airline, f.tailnum, f.origin, f.dest, f.dep_delay, f.arr_delay
from clean.flights f
join clean.airlines a on a.carrier = f.carrier
where f.dep_delay >= 180

/* sluice
description: Keys of flights that lead nowhere, and how many flights hang on each
grain: [kind, key]
tags: [quality]
checks:
  - unique: [kind, key]
  - expression: flights > 0
*/
select 'plane' as kind, f.tailnum as key, count(*) as flights
from clean.flights f
anti join clean.planes p on p.tailnum = f.tailnum
where f.tailnum is not null
group by f.tailnum
union all
select 'airport', f.dest, count(*)
from clean.flights f
anti join clean.airports a on a.faa = f.dest
group by f.dest
union all
select 'airline', f.carrier, count(*)
from clean.flights f
anti join clean.airlines l on l.carrier = f.carrier
group by f.carrier

/* sluice
description: How old the planes of each airline are, and whether old planes are late more often
grain: [carrier, age_group]
tags: [fleet]
checks:
  - unique: [carrier, age_group]
*/
with aged as (
    select
        f.carrier,
        f.tailnum,
        f.arr_delay,
        case
            when p.year is null then 'unknown'
            when f.year - p.year < 5 then '0-4'
            when f.year - p.year < 10 then '5-9'
            when f.year - p.year < 20 then '10-19'
            else '20+'
        end as age_group
    from clean.flights f
    join clean.planes p on p.tailnum = f.tailnum
)
select
    carrier,
    age_group,
    count(distinct tailnum) as planes,
    count(*) as flights,
    round(avg(arr_delay), 2) as average_arrival_delay
from aged
group by carrier, age_group

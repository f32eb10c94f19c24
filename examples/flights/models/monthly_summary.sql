/* sluice
description: Punctuality per month, from the days
grain: [month]
tags: [punctuality]
checks:
  - unique: [month]
  - row_count: {min: 12, max: 12}
*/
select
    month,
    sum(flights)::bigint as flights,
    sum(cancelled)::bigint as cancelled,
    round(100.0 * sum(late) / sum(flights), 2) as late_percent,
    round(sum(delay_minutes) / sum(flights - cancelled), 2) as average_delay
from curated.daily_delays
group by month

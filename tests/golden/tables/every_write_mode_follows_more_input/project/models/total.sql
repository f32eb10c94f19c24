select count(*) as days, sum(amount) as amount from curated.per_day

/* sluice write full */
select 1 as a

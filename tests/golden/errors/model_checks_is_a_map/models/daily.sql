/* sluice
checks: {not_null: [a]}
*/
select 1 as a

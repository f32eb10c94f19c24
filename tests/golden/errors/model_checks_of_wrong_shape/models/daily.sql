/* sluice
checks:
  - not_null: [a]
    unique: [a]
  - [a]
  -
*/
select 1 as a

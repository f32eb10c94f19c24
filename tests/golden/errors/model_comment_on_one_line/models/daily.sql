/* sluice wirte: append */ select 1 as a

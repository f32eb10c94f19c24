select 1 as a
  /* sluice
  write: append */

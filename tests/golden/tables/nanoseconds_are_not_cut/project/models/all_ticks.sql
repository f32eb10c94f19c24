select t::timestamp_ns as t from raw.ticks

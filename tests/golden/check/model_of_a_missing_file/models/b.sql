select nothing
from curated.c

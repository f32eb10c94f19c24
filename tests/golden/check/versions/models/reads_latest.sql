select id, amount, total from curated.sound

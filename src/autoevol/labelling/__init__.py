"""People judge evolved data: what they are asked, the page they answer on, and what it is worth."""

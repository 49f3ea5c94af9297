"""Other people's frameworks: what a team adds to its own project to live with the heart.

Each integration stands alone and imports the heart's front doors; nothing imports it.
"""

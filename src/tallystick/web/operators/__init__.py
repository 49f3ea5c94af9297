"""Operators' pages: all payments, what is to be reviewed, and which providers are called now.

They show everything of everybody, and are not there for anybody else. What they change, they ask
about first, and the rooms decide.
"""

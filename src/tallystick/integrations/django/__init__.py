"""An app for a team's own Django project: the migration's command and a read-only admin.

Add `tallystick.integrations.django` to INSTALLED_APPS. It moves no money: your code does, by
handing Django's connection to the heart inside `atomic()`.
"""

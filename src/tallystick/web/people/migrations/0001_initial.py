"""Make the table of people. Never edited once released."""

from __future__ import annotations

import django.core.validators
import django.db.models.functions.text
import django.utils.timezone
import tallystick.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Person',
            fields=[
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('id', models.UUIDField(db_comment='Identity, UUID version 7', default=tallystick.ids.new, editable=False, primary_key=True, serialize=False)),
                ('email', models.EmailField(db_comment='Where we write to them, and their login; small letters', max_length=254, unique=True, verbose_name='e-mail address')),
                ('handle', models.CharField(blank=True, db_comment='Short public name by which others can pay them, if they took one', max_length=30, null=True, unique=True, validators=[django.core.validators.RegexValidator('\\A[a-z][a-z0-9_]{2,29}\\Z', 'A handle has 3 to 30 small letters, digits and underscores, and begins with a letter.')])),
                ('name', models.CharField(blank=True, db_comment='What we call them; may be empty', default='', max_length=100)),
                ('is_active', models.BooleanField(db_comment='Whether they may sign in', default=True)),
                ('is_operator', models.BooleanField(db_comment='Whether they may see and mend what concerns everyone', default=False)),
                ('created_at', models.DateTimeField(db_comment='When they signed up', default=django.utils.timezone.now, editable=False)),
            ],
            options={
                'db_table_comment': 'People who sign in',
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('email'), name='one_person_an_email_address'), models.UniqueConstraint(django.db.models.functions.text.Lower('handle'), name='one_person_a_handle')],
            },
        ),
    ]

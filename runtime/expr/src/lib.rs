//! Expressions: compile CEL once, check it against declared types, evaluate it on typed records and translate it to SQL conditions.

/* properties.h - the properties of an element as one table
 *
 * Copyright (C) 2026 the cbigan developers
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A row names a property, its range and default, and the place of its value in a struct of options. To add a property:
 * a field in the element's options and a row in the element's table. The property's id is its row's number plus one.
 *
 * None of these functions locks: the element guards its options.
 */
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum {
  CBIGAN_PROPERTY_BOOLEAN, /* gboolean */
  CBIGAN_PROPERTY_INT,     /* int */
  CBIGAN_PROPERTY_UINT,    /* guint */
  CBIGAN_PROPERTY_UINT64,  /* guint64, any value */
  CBIGAN_PROPERTY_DOUBLE,  /* double */
  CBIGAN_PROPERTY_STRING,  /* char *, owned by the options */
  CBIGAN_PROPERTY_ENUM,    /* an enum of the size of int */
  CBIGAN_PROPERTY_FLAGS    /* guint */
} CbiganPropertyKind;

typedef struct {
  const char *name;
  CbiganPropertyKind kind;
  gsize offset;             /* of the value in the options, bytes */
  double minimum, maximum;  /* of a number, inclusive */
  double initial;           /* default of a number, flag or enum */
  const char *text;         /* default of a string; NULL = none */
  GType (*type)(void);      /* of an enum or of flags */
  GParamFlags flags;        /* besides readable, writable and static strings */
  const char *nick, *blurb; /* marked with N_(), translated when the property is installed */
} CbiganProperty;

/* Installs n rows as the properties 1 to n of the class. The table must live as long as the class. */
void cbigan_properties_install(GObjectClass *class, const CbiganProperty *table, guint n);
/* Writes the defaults into options that are zeroed. */
void cbigan_properties_init(const CbiganProperty *table, guint n, gpointer options);
/* Writes a value into the options. The old string is freed. */
void cbigan_property_set(const CbiganProperty *row, gpointer options, const GValue *value);
/* Sets the controlled properties of an element to their values at the time of a buffer. */
void cbigan_properties_sync(GstObject *element, const GstSegment *segment, GstBuffer *buffer);
/* Copies a value out of the options. */
void cbigan_property_get(const CbiganProperty *row, gconstpointer options, GValue *value);

/* Defines the static function get_type(), which registers an enum of that type name. Each further argument is a
 * GEnumValue: { value, N_("description"), "nick" }. */
#define CBIGAN_DEFINE_ENUM(TypeName, get_type, ...)                                                                    \
  static GType get_type(void)                                                                                          \
  {                                                                                                                    \
    static gsize type = 0;                                                                                             \
    static const GEnumValue values[] = { __VA_ARGS__, { 0, NULL, NULL } };                                             \
    if (g_once_init_enter(&type))                                                                                      \
      g_once_init_leave(&type, g_enum_register_static(#TypeName, values));                                             \
    return type;                                                                                                       \
  }

G_END_DECLS

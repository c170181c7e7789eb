/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Small helpers around libcbor for CTAP2's maps.
 */
#ifndef ZTJ_SOFTKEY_CBOR_H
#define ZTJ_SOFTKEY_CBOR_H

#include <cbor.h>

#include "tests/softkey/softkey.h"

/* Readers take NULL for "not there" and then answer no. */
cbor_item_t *softkey_cbor_get(const cbor_item_t *map, int key);
cbor_item_t *softkey_cbor_named(const cbor_item_t *map, const char *key);
bool softkey_cbor_bytes(const cbor_item_t *item, const uint8_t **p, size_t *n);
bool softkey_cbor_text(const cbor_item_t *item, char *out, size_t size);
bool softkey_cbor_uint(const cbor_item_t *item, unsigned *out);
bool softkey_cbor_is(const cbor_item_t *item, bool value); /* there, a boolean, and this one */
size_t softkey_cbor_count(const cbor_item_t *array);
cbor_item_t *softkey_cbor_at(const cbor_item_t *array, size_t i);

/* Writers take over the items; a NULL anywhere spoils the result, which softkey_cbor_reply() sees. */
cbor_item_t *softkey_cbor_int(int v);
void softkey_cbor_put(cbor_item_t *map, cbor_item_t *key, cbor_item_t *value);
void softkey_cbor_push(cbor_item_t *array, cbor_item_t *value);
/* Status 0 and the map; drops the map. n: how many pairs it must have. */
int softkey_cbor_reply(cbor_item_t *map, size_t n, uint8_t reply[SOFTKEY_REPLY_MAX]);

#endif

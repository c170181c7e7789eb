/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Small helpers around libcbor for CTAP2's maps.
 */
#include <string.h>

#include "tests/softkey/cborutil.h"

static bool is_int(const cbor_item_t *item, int v)
{
	if (v >= 0)
		return cbor_isa_uint(item) && cbor_get_int(item) == (uint64_t)v;
	return cbor_isa_negint(item) && cbor_get_int(item) == (uint64_t)(-(int64_t)v - 1);
}

cbor_item_t *softkey_cbor_get(const cbor_item_t *map, int key)
{
	struct cbor_pair *pair;

	if (map == NULL || !cbor_isa_map(map))
		return NULL;
	pair = cbor_map_handle(map);
	for (size_t i = 0; i < cbor_map_size(map); i++)
		if (is_int(pair[i].key, key))
			return pair[i].value;
	return NULL;
}

cbor_item_t *softkey_cbor_named(const cbor_item_t *map, const char *key)
{
	struct cbor_pair *pair;

	if (map == NULL || !cbor_isa_map(map))
		return NULL;
	pair = cbor_map_handle(map);
	for (size_t i = 0; i < cbor_map_size(map); i++)
		if (cbor_isa_string(pair[i].key) && cbor_string_length(pair[i].key) == strlen(key) &&
		    memcmp(cbor_string_handle(pair[i].key), key, strlen(key)) == 0)
			return pair[i].value;
	return NULL;
}

bool softkey_cbor_bytes(const cbor_item_t *item, const uint8_t **p, size_t *n)
{
	*p = NULL;
	*n = 0;
	if (item == NULL || !cbor_isa_bytestring(item) || !cbor_bytestring_is_definite(item))
		return false;
	*p = cbor_bytestring_handle(item);
	*n = cbor_bytestring_length(item);
	return true;
}

bool softkey_cbor_text(const cbor_item_t *item, char *out, size_t size)
{
	size_t n;

	out[0] = '\0';
	if (item == NULL || !cbor_isa_string(item) || !cbor_string_is_definite(item) ||
	    (n = cbor_string_length(item)) >= size)
		return false;
	memcpy(out, cbor_string_handle(item), n);
	out[n] = '\0';
	return strlen(out) == n;
}

bool softkey_cbor_uint(const cbor_item_t *item, unsigned *out)
{
	*out = 0;
	if (item == NULL || !cbor_isa_uint(item) || cbor_get_int(item) > 0xffff)
		return false;
	*out = (unsigned)cbor_get_int(item);
	return true;
}

bool softkey_cbor_is(const cbor_item_t *item, bool value)
{
	return item != NULL && cbor_is_bool(item) && cbor_get_bool(item) == value;
}

size_t softkey_cbor_count(const cbor_item_t *array)
{
	return array != NULL && cbor_isa_array(array) ? cbor_array_size(array) : 0;
}

cbor_item_t *softkey_cbor_at(const cbor_item_t *array, size_t i)
{
	return cbor_array_handle(array)[i];
}

cbor_item_t *softkey_cbor_int(int v)
{
	return v >= 0 ? cbor_build_uint8((uint8_t)v) : cbor_build_negint8((uint8_t)(-v - 1));
}

void softkey_cbor_put(cbor_item_t *map, cbor_item_t *key, cbor_item_t *value)
{
	if (map != NULL && key != NULL && value != NULL)
		(void)cbor_map_add(map, (struct cbor_pair){ .key = key, .value = value });
	if (key != NULL)
		cbor_decref(&key);
	if (value != NULL)
		cbor_decref(&value);
}

void softkey_cbor_push(cbor_item_t *array, cbor_item_t *value)
{
	if (array != NULL && value != NULL)
		(void)cbor_array_push(array, value);
	if (value != NULL)
		cbor_decref(&value);
}

int softkey_cbor_reply(cbor_item_t *map, size_t n, uint8_t reply[SOFTKEY_REPLY_MAX])
{
	size_t len = 0;

	if (map != NULL && cbor_map_size(map) == n)
		len = cbor_serialize(map, reply + 1, SOFTKEY_REPLY_MAX - 1);
	if (map != NULL)
		cbor_decref(&map);
	reply[0] = len > 0 ? FIDO_OK : FIDO_ERR_ERR_OTHER;
	return len > 0 ? (int)len + 1 : 1;
}

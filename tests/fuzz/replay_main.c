/*
 * Copyright (c) 2026 the ztjit authors
 * SPDX-License-Identifier: BSD-2-Clause
 */
/*
 * Runs a fuzzer over its committed corpus, and over every truncation and a
 * bit flip in every byte of the small files in it.
 *
 * Usage: fuzz_NAME [FILE...]; without arguments the files of
 * $srcdir/tests/fuzz/corpus/NAME, which must not be empty.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define FILE_MAX (1024 * 1024)
#define MUTATE_MAX 4096

/* A copy of exactly that size, so that a sanitizer sees a read beyond it. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size != 0 ? size : 1);

	MUST(copy != NULL);
	if (size != 0)
		memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void run_mutants(uint8_t *data, size_t size)
{
	for (size_t n = 0; n < size; n++)
		run(data, n);
	for (size_t i = 0; i < size; i++) {
		data[i] ^= (uint8_t)(1U << i % 8);
		run(data, size);
		data[i] ^= (uint8_t)(1U << i % 8);
	}
}

static bool replay(const char *path)
{
	static uint8_t data[FILE_MAX];
	FILE *f = fopen(path, "rb");
	size_t size;
	bool good;

	if (f == NULL) {
		perror(path);
		return false;
	}
	size = fread(data, 1, sizeof(data), f);
	good = ferror(f) == 0 && feof(f) != 0;
	(void)fclose(f);
	if (!good) {
		(void)fprintf(stderr, "%s: unreadable or larger than %d bytes\n", path, FILE_MAX);
		return false;
	}
	run(data, size);
	if (size <= MUTATE_MAX)
		run_mutants(data, size);
	return true;
}

static bool replay_directory(const char *dir, int *count)
{
	struct dirent *e;
	DIR *d = opendir(dir);
	bool good = d != NULL;

	if (d == NULL)
		perror(dir);
	while (good && (e = readdir(d)) != NULL) {
		char path[4096];
		int n = snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);

		if (e->d_name[0] == '.')
			continue;
		good = n > 0 && (size_t)n < sizeof(path) && replay(path);
		(*count)++;
	}
	if (d != NULL)
		(void)closedir(d);
	return good;
}

int main(int argc, char **argv)
{
	const char *src = getenv("srcdir"), *name = strstr(argv[0], "fuzz_");
	char dir[4096];
	int n, count = 0;

	for (const char *p = name; p != NULL; p = strstr(p + 1, "fuzz_"))
		name = p;
	for (int i = 1; i < argc; i++)
		if (!replay(argv[i]))
			return 1;
	if (argc > 1)
		return 0;
	if (name == NULL)
		return 2;
	n = snprintf(dir, sizeof(dir), "%s/tests/fuzz/corpus/%s", src != NULL ? src : ".",
	    name + strlen("fuzz_"));
	if (n < 0 || (size_t)n >= sizeof(dir) || !replay_directory(dir, &count))
		return 1;
	(void)printf("%s: %d files\n", dir, count);
	return count > 0 ? 0 : 1;
}

#pragma once
/* For tests: what of a file is on the disk, and what is only in the system's memory, in sectors. Used by fault_vfs.c, under its lock. */
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define DISK_SECTOR 512

struct disk_image {
  char *path;
  GByteArray *durable; /* what the disk holds */
  GByteArray *sectors; /* enum of disk_image.c for each */
  bool named;          /* the directory on the disk knows the file */
  bool present;        /* it has not been deleted */
};

/* Reads up to `n` octets at `offset` of the file as it is in memory; gives how many there were. */
typedef size_t (*disk_read_fn)(void *arg, int64_t offset, uint8_t *octets, size_t n);

/* `named`: the file was there before, and is taken to be on the disk as it is. */
struct disk_image *disk_image_new(const char *path, bool named, disk_read_fn read, void *arg);
void disk_image_free(struct disk_image *image);

/* Something was written, or the file was cut. */
void disk_image_written(struct disk_image *image, int64_t offset, int64_t n);
void disk_image_cut(struct disk_image *image, int64_t size);
/* It was deleted: for the disk too if `durable`. */
void disk_image_deleted(struct disk_image *image, bool durable);
/* A deleted one is made again, empty. */
void disk_image_anew(struct disk_image *image);
/* All that was written is on the disk, but what an earlier sync has lost. */
void disk_image_synced(struct disk_image *image, disk_read_fn read, void *arg);
/* What was written will never be. */
void disk_image_sync_failed(struct disk_image *image);
/* The power was lost: writes to the file what was on the disk. `luck`: some of what was not synced is as well; NULL: nothing of it. No
 * connection may have the file open. */
void disk_image_restore(struct disk_image *image, GRand *luck);

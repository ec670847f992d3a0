package io.berth.format;

import io.berth.linux.FileSystemStatus;

/**
 * How full a volume is, as the file system it lies in says; for a directory without a limit of its own the total is the
 * whole pool's. Bytes, and files (inodes), which are all 0 where the file system does not count them.
 */
public record Usage(
        long totalBytes, long usedBytes, long availableBytes, long totalInodes, long usedInodes, long freeInodes) {
    /** As a file system tells it. */
    public static Usage of(FileSystemStatus status) {
        return new Usage(
                status.totalBytes(),
                status.totalBytes() - status.freeBytes(),
                status.availableBytes(),
                status.totalInodes(),
                status.totalInodes() - status.freeInodes(),
                status.freeInodes());
    }
}

package io.berth.copy;

/**
 * What a finished copy did.
 *
 * @param rung the lowest that any file with data needed; CLONE when none has data
 * @param files how many files of every type were made, directories and further names of a file included; 0 for a SNAPSHOT
 * @param bytes how much data they have, shared or copied, without holes; 0 for a SNAPSHOT
 * @param taken for how many bytes of the disk the copy counts: its data, its directories, and something for each file; 0
 *     for a SNAPSHOT
 * @param lostXattrs how many extended attributes and ACLs the new file system cannot hold
 */
public record Copied(Rung rung, long files, long bytes, long taken, long lostXattrs) {}

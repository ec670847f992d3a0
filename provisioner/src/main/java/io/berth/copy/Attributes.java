package io.berth.copy;

import io.berth.linux.Directory;
import io.berth.linux.FileStatus;
import io.berth.linux.FileType;
import io.berth.linux.OpenFile;
import io.berth.linux.PathHandle;
import io.berth.linux.Project;
import io.berth.linux.RegularFile;
import io.berth.linux.Xattrs;
import java.util.List;
import java.util.Optional;

/** Copies what a file has beside its data: owner, extended attributes and ACLs, mode, project, times. Thread-safe. */
final class Attributes {
    /** A default ACL of the directory that a file is made in gives the file both. */
    private static final String[] ACLS = {"system.posix_acl_access", "system.posix_acl_default"};

    private final Optional<Project> inherited;
    private final Optional<Long> ofSource;
    private final Progress progress;
    private volatile Given given = new Given(-1, -1, 0);

    /**
     * What a new file was seen to have: all files of a copy are given the same owner, and lack the same bits of the mode.
     *
     * @param modeBits which of the mode are given to who asks for them
     */
    private record Given(long uid, long gid, int modeBits) {
        boolean is(FileStatus wanted) {
            return uid == wanted.uid() && gid == wanted.gid() && (wanted.mode() & ~modeBits) == 0;
        }

        Given and(FileStatus made) {
            return new Given(made.uid(), made.gid(), modeBits | made.mode());
        }
    }

    /**
     * For a copy into this new directory, in which files get the directory's own project or none.
     *
     * @param source whose project is not that of the copy: a limit of one would be a limit of both
     */
    Attributes(Directory source, Directory root, Progress progress) {
        this.inherited = Project.of(root);
        this.ofSource = Project.of(source).map(Project::id);
        this.progress = progress;
        for (String acl : ACLS) {
            Xattrs.remove(root, acl);
        }
    }

    /** For a directory when everything is in it: its times would change, and its default ACL be inherited. */
    void copy(OpenFile from, FileStatus status, OpenFile to) {
        copy(from, status, to, Xattrs.list(from));
    }

    /**
     * For a file that was just made, with the mode of the source.
     *
     * @param acl what files have of themselves that are made in this directory
     */
    void copy(OpenFile from, FileStatus status, OpenFile to, Directory directory, NewAcl acl) {
        copy(from, status, to, acl.toSet(Xattrs.list(from), from, to, directory, status.mode()));
    }

    private void copy(OpenFile from, FileStatus status, OpenFile to, List<String> xattrs) {
        // Each of these calls takes its time, so what is right already is neither looked at nor set again.
        if (!(to instanceof RegularFile && xattrs.isEmpty() && given.is(status))) {
            copyOwnerAndMode(from, xattrs, status, to);
        }
        copyProject(from, to);
        to.utimens(status.accessed(), status.modified());
    }

    private void copyOwnerAndMode(OpenFile from, List<String> xattrs, FileStatus status, OpenFile to) {
        FileStatus made = to.status();
        if (to instanceof RegularFile) {
            given = given.and(made);
        }
        boolean sameOwner = made.uid() == status.uid() && made.gid() == status.gid();
        if (!sameOwner) {
            to.chown((int) status.uid(), (int) status.gid());
        }
        // After chown, which clears file capabilities.
        for (String name : xattrs) {
            Xattrs.get(from, name).ifPresent(value -> set(to, name, value));
        }
        // After chown, which clears setuid and setgid, and after ACLs, whose mask is part of the mode.
        boolean sameMode = made.mode() == status.mode() && sameOwner && xattrs.isEmpty();
        if (!sameMode && status.type() != FileType.SYMLINK) {
            to.chmod(status.mode());
        }
    }

    private void set(OpenFile to, String name, byte[] value) {
        if (!Xattrs.set(to, name, value)) {
            progress.lostXattrs.increment();
        }
    }

    private void copyProject(OpenFile from, OpenFile to) {
        if (inherited.isEmpty() || from instanceof PathHandle) {
            return; // the kernel tells the project of regular files and directories alone
        }
        Optional<Project> project = Project.of(from);
        if (!project.equals(inherited) && !project.map(Project::id).equals(ofSource)) {
            project.ifPresent(one -> one.set(to));
        }
    }
}

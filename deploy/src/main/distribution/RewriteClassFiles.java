import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Label;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/**
 * Copies a jar; the code of its classes is not changed. Names of local variables, which debuggers alone read, are left out: the
 * JVM would keep them in memory. Classes in the format of Java 5, such as picocli's, are written in that of Java 8: else no AOT
 * cache takes them, and the JVM's old and slow verifier checks them at every start. Run by the build as a source file, with the
 * jar on the class path, which holds ASM too: {@code java RewriteClassFiles.java FROM TO}.
 */
final class RewriteClassFiles {
    public static void main(String[] arguments) throws IOException {
        try (InputStream in = Files.newInputStream(Path.of(arguments[0]));
                ZipInputStream from = new ZipInputStream(in);
                OutputStream out = Files.newOutputStream(Path.of(arguments[1]));
                ZipOutputStream to = new ZipOutputStream(out)) {
            for (ZipEntry entry = from.getNextEntry(); entry != null; entry = from.getNextEntry()) {
                byte[] content = from.readAllBytes();
                ZipEntry copy = new ZipEntry(entry.getName());
                copy.setTimeLocal(entry.getTimeLocal());
                to.putNextEntry(copy);
                to.write(entry.getName().endsWith(".class") ? rewritten(content) : content);
                to.closeEntry();
            }
        }
    }

    /** Whether a class file is of Java 5 or older. JVM specification, 4.1: a magic number, a minor and a major version. */
    private static boolean isOld(byte[] content) {
        return ByteBuffer.wrap(content).getShort(6) < Opcodes.V1_6;
    }

    private static byte[] rewritten(byte[] content) {
        boolean old = isOld(content);
        ClassWriter writer = new ClassWriter(old ? ClassWriter.COMPUTE_FRAMES : 0);
        new ClassReader(content).accept(new Rewriter(writer, old), old ? ClassReader.SKIP_FRAMES : 0);
        return writer.toByteArray();
    }

    private static final class Rewriter extends ClassVisitor {
        private final boolean old;

        Rewriter(ClassVisitor to, boolean old) {
            super(Opcodes.ASM9, to);
            this.old = old;
        }

        @Override
        public void visit(
                int version, int access, String name, String signature, String parent, String[] interfaces) {
            super.visit(old ? Opcodes.V1_8 : version, access, name, signature, parent, interfaces);
        }

        @Override
        public MethodVisitor visitMethod(
                int access, String name, String descriptor, String signature, String[] exceptions) {
            return new MethodVisitor(
                    Opcodes.ASM9, super.visitMethod(access, name, descriptor, signature, exceptions)) {
                @Override
                public void visitLocalVariable(
                        String variable, String type, String generic, Label from, Label to, int index) {}
            };
        }
    }
}

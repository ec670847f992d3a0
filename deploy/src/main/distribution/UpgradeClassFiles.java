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
import org.objectweb.asm.Opcodes;

/**
 * Copies a jar and writes its oldest classes in the format of Java 8. Classes in the format of Java 5, such as picocli's, are
 * taken by no AOT cache and are checked by the JVM's old and slow verifier at every start; their code is not changed. Run by
 * the build as a source file, with the jar on the class path, which holds ASM too: {@code java UpgradeClassFiles.java FROM TO}.
 */
final class UpgradeClassFiles {
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
                to.write(entry.getName().endsWith(".class") && isOld(content) ? upgraded(content) : content);
                to.closeEntry();
            }
        }
    }

    /** Whether a class file is of Java 5 or older. JVM specification, 4.1: a magic number, a minor and a major version. */
    private static boolean isOld(byte[] content) {
        return ByteBuffer.wrap(content).getShort(6) < Opcodes.V1_6;
    }

    private static byte[] upgraded(byte[] content) {
        ClassReader reader = new ClassReader(content);
        ClassWriter writer = new ClassWriter(ClassWriter.COMPUTE_FRAMES);
        reader.accept(
                new ClassVisitor(Opcodes.ASM9, writer) {
                    @Override
                    public void visit(
                            int version, int access, String name, String signature, String parent, String[] interfaces) {
                        super.visit(Opcodes.V1_8, access, name, signature, parent, interfaces);
                    }
                },
                ClassReader.SKIP_FRAMES);
        return writer.toByteArray();
    }
}

package io.berth.format;

class DirectoryFormatTest extends VolumeFormatContract {
    @Override
    VolumeFormat format() {
        return new DirectoryFormat();
    }
}

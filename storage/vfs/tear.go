package vfs

import "github.com/cockroachdb/pebble/v2/vfs"

// Tear stands between a writer and its file: it calls write for what shall reach the file, and what it returns the writer is told. It may be
// called from any goroutine.
type Tear func(path string, p []byte, write func(p []byte) (int, error)) (int, error)

// Torn wraps a file system so that tear is asked to do every write. Inject lets an operation fail before anything happened; this is for disks
// that are full, or lose power, in the middle of one.
func Torn(inner FS, tear Tear) FS { return tornFS{FS: inner, tear: tear} }

type tornFS struct {
	FS
	tear Tear
}

func (f tornFS) wrap(name string, file File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return tornFile{File: file, path: name, tear: f.tear}, nil
}

// Create implements FS.
func (f tornFS) Create(name string, category vfs.DiskWriteCategory) (File, error) {
	file, err := f.FS.Create(name, category)
	return f.wrap(name, file, err)
}

// OpenReadWrite implements FS.
func (f tornFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (File, error) {
	file, err := f.FS.OpenReadWrite(name, category, opts...)
	return f.wrap(name, file, err)
}

// ReuseForWrite implements FS.
func (f tornFS) ReuseForWrite(oldName, newName string, category vfs.DiskWriteCategory) (File, error) {
	file, err := f.FS.ReuseForWrite(oldName, newName, category)
	return f.wrap(newName, file, err)
}

// Unwrap gives the file system below.
func (f tornFS) Unwrap() FS { return f.FS }

type tornFile struct {
	File
	path string
	tear Tear
}

// Write implements File.
func (f tornFile) Write(p []byte) (int, error) { return f.tear(f.path, p, f.File.Write) }

// WriteAt implements File.
func (f tornFile) WriteAt(p []byte, at int64) (int, error) {
	return f.tear(f.path, p, func(p []byte) (int, error) { return f.File.WriteAt(p, at) })
}

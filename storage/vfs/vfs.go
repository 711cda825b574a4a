// Package vfs is the only door to the disk: Pebble's file system interface under our name, with the crashable memory one
// and the faulty one for tests.
//
// Files written at positions are opened with FS.OpenReadWrite and written with File.WriteAt, which on a real disk is one
// pwrite. Pebble's interface cannot shorten a file; Truncate does.
package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"syscall"

	pebblevfs "github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

type (
	// FS is a namespace of files. Names are joined with PathJoin.
	FS = pebblevfs.FS
	// File is an open file. One goroutine at a time may write or sync; ReadAt may run beside it.
	File = pebblevfs.File
	// OpenOption is a parameter of FS's methods, for those who wrap one.
	OpenOption = pebblevfs.OpenOption
	// WriteCategory is another.
	WriteCategory = pebblevfs.DiskWriteCategory
	// FileInfo describes a file.
	FileInfo = pebblevfs.FileInfo
	// DiskUsage is how much room a disk has.
	DiskUsage = pebblevfs.DiskUsage
	// MemFS is a file system in memory; one made by NewCrashableMem has CrashClone.
	MemFS = pebblevfs.MemFS
	// Op is one operation on a file system, as a Fault sees it.
	Op = errorfs.Op
	// OpKind says what an Op does.
	OpKind = errorfs.OpKind
)

// The operations a Fault usually looks for.
const (
	OpCreate       = errorfs.OpCreate
	OpRemove       = errorfs.OpRemove
	OpRemoveAll    = errorfs.OpRemoveAll
	OpRename       = errorfs.OpRename
	OpMkdirAll     = errorfs.OpMkdirAll
	OpFileRead     = errorfs.OpFileRead
	OpFileReadAt   = errorfs.OpFileReadAt
	OpFileWrite    = errorfs.OpFileWrite
	OpFileWriteAt  = errorfs.OpFileWriteAt
	OpFileSync     = errorfs.OpFileSync
	OpFileSyncData = errorfs.OpFileSyncData
)

// Category labels writes in Pebble's disk statistics; ours are not told apart.
const Category = pebblevfs.WriteCategoryUnspecified

// Default is the operating system's file system.
func Default() FS { return pebblevfs.Default }

// NewMem makes an empty file system in memory.
func NewMem() *MemFS { return pebblevfs.NewMem() }

// NewCrashableMem makes an empty file system in memory that can be cloned as a power cut would leave it: see Crash.
func NewCrashableMem() *MemFS { return pebblevfs.NewCrashableMem() }

// Crash clones what would be on disk after a power cut now: everything synced, and each unsynced 4 KiB block and each
// unsynced directory entry with unsyncedPercent probability. Torn files therefore have holes of zeros and odd lengths.
func Crash(m *MemFS, unsyncedPercent int, rng *rand.Rand) *MemFS {
	return m.CrashClone(pebblevfs.CrashCloneCfg{UnsyncedDataPercent: unsyncedPercent, RNG: rng})
}

// Fault decides whether an operation fails: a non-nil error is returned in its place. It may be called from any goroutine.
type Fault func(op Op) error

// Inject wraps a file system so that fault is asked before every operation.
func Inject(inner FS, fault Fault) FS {
	return errorfs.Wrap(inner, errorfs.InjectorFunc(fault))
}

// IsNotExist tells whether err says that a file is missing.
func IsNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// IsNoSpace tells whether err says that the disk, or the user's share of it, is full.
func IsNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// SyncDir makes the creations, renames and removals in a directory durable.
func SyncDir(f FS, dir string) error {
	d, err := f.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("open directory %s: %w", dir, err)
	}
	if err := d.Sync(); err != nil {
		_ = d.Close()
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return d.Close()
}

// wholeDisk is a file of a file system of our own, such as a test's, that can sync everything on it; see SyncFS.
type wholeDisk interface{ SyncAll() error }

// SyncFS syncs everything on the disk that holds f in one call; done is false where that is not possible.
func SyncFS(f File) (done bool, err error) {
	if w, ok := f.(wholeDisk); ok {
		return true, w.SyncAll()
	}
	return syncOS(f)
}

// MkdirAll makes a directory and every missing one above it, all of them durable when it returns: a directory that only the cache
// knows takes everything synced inside it along in a power cut.
func MkdirAll(f FS, dir string, mode fs.FileMode) error {
	_, err := f.Stat(dir)
	existed := err == nil
	missing := []string{dir} // made here, or by an earlier life that may not have come to the sync
	for up := f.PathDir(dir); ; up = f.PathDir(up) {
		_, err := f.Stat(up)
		if err == nil || up == f.PathDir(up) {
			break
		}
		if !IsNotExist(err) {
			return fmt.Errorf("make directory %s: %w", dir, err)
		}
		missing = append(missing, up)
	}
	if err := f.MkdirAll(dir, mode); err != nil {
		return fmt.Errorf("make directory %s: %w", dir, err)
	}
	for _, d := range missing {
		// A directory given to us may lie in one that is not ours to open.
		if err := SyncDir(f, f.PathDir(d)); err != nil && (!existed || !errors.Is(err, fs.ErrPermission)) {
			return err
		}
	}
	return nil
}

// ReadFile reads a whole file of at most limit bytes.
func ReadFile(f FS, name string, limit int64) ([]byte, error) {
	if f == pebblevfs.Default {
		if content, done, err := readOS(name, limit); done {
			return content, err
		}
	}
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	b, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("read %s: larger than %d bytes", name, limit)
	}
	return b, nil
}

// WriteFileAtomic replaces a file: a temporary one beside it is written, synced and renamed over it, and the directory
// is synced. After a crash either the old or the new content is there.
func WriteFileAtomic(f FS, name string, content []byte) error {
	tmp := name + ".tmp"
	file, err := f.Create(tmp, Category)
	if err != nil {
		return fmt.Errorf("create %s: %w", tmp, err)
	}
	// Pebble's Write may scribble over its argument.
	_, err = file.Write(append([]byte(nil), content...))
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", tmp, err)
	}
	if err := f.Rename(tmp, name); err != nil {
		return fmt.Errorf("rename %s: %w", tmp, err)
	}
	return SyncDir(f, f.PathDir(name))
}

package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/freshetdb/freshet/storage/vfs"
)

// Files of a node in its data directory that are not the log's: the lock, and the addresses of the running node.
const (
	lockFile      = "freshet.lock"
	addressesFile = "freshet.addresses"
)

// ErrLocked says that another process works on the data directory.
var ErrLocked = errors.New("data directory is in use")

// dirLock is an advisory lock of the data directory, which the kernel drops when the process ends however it ends.
type dirLock struct {
	file *os.File
	dir  string
}

// lockDir locks a data directory for this process, or says who has it.
func lockDir(dir string) (*dirLock, error) {
	if err := vfs.MkdirAll(vfs.Default(), dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data directory: %w", err)
	}
	if err := flock(f); err != nil {
		holder, _ := os.ReadFile(f.Name())
		_ = f.Close()
		return nil, fmt.Errorf("%w: %s is locked by process %s; stop it, or give another --data-dir", ErrLocked, dir, strings.TrimSpace(string(holder)))
	}
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("write the lock of the data directory: %w", err), f.Close())
		}
	}
	return &dirLock{file: f, dir: dir}, nil
}

// lockPatience is how long a start waits for the lock: a process that was just killed holds it until the kernel has taken its memory back.
const (
	lockPatience = 3 * time.Second
	lockPause    = 20 * time.Millisecond
)

func flock(f *os.File) error {
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(lockPause) { //nolint:forbidigo // flock with a time-out does not exist
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// publish writes down where the node listens, for shells on the same directory.
func (l *dirLock) publish(a Addresses) error {
	text := fmt.Sprintf("kafka %s\npostgres %s\nhttp %s\n", a.Kafka, a.Postgres, a.HTTP)
	return os.WriteFile(filepath.Join(l.dir, addressesFile), []byte(text), 0o644)
}

func (l *dirLock) release() error {
	rm := os.Remove(filepath.Join(l.dir, addressesFile))
	if errors.Is(rm, os.ErrNotExist) {
		rm = nil
	}
	return errors.Join(rm, l.file.Close())
}

// Running tells the addresses of the node that runs on a data directory; false when none does.
func Running(dir string) (Addresses, bool) {
	f, err := os.Open(filepath.Join(dir, lockFile))
	if err != nil {
		return Addresses{}, false
	}
	defer func() { _ = f.Close() }()
	if unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) == nil {
		return Addresses{}, false // nobody holds it; closing the file drops ours
	}
	text, err := os.ReadFile(filepath.Join(dir, addressesFile))
	if err != nil {
		return Addresses{}, false
	}
	var a Addresses
	for line := range strings.SplitSeq(string(text), "\n") {
		switch name, at, _ := strings.Cut(line, " "); name {
		case "kafka":
			a.Kafka = at
		case "postgres":
			a.Postgres = at
		case "http":
			a.HTTP = at
		}
	}
	return a, a.Postgres != ""
}

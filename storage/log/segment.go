package log

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// errSegmentGone tells a reader that the segment was removed meanwhile.
var errSegmentGone = errors.New("segment removed")

// walkBytes is how much a scan of a segment reads at a time.
const walkBytes = 256 << 10

// segment is one file of batches and its indexes. The last segment of a log is active: it grows, and its indexes are complete
// in memory. Files are open while they are used and a while longer; closed segments load their indexes when first read.
type segment struct {
	log  *Log
	base int64 // offset its files are named by
	dir  string
	fs   vfs.FS

	place int // among OpenFiles.open, from 1; 0 while closed. Its mu guards it.

	mu sync.Mutex
	// guards:
	file    vfs.File // nil while closed
	users   int      // of file
	active  bool
	gone    bool // removed, or the log is closed: the file closes with its last user
	loaded  bool // indexes hold everything
	touched bool // used since the last idle check
	recent  bool // used since room was last looked for
	size    int64
	next    int64 // offset after the last record, base when there is none
	x       indexes
	// first is the largest timestamp of the first batch, where firstKnown says so.
	first      int64
	firstKnown bool
}

func (s *segment) path(suffix string) string { return s.fs.PathJoin(s.dir, fileName(s.base, suffix)) }

// newSegment makes a segment of the log that holds nothing yet; it is not among the log's segments.
func (l *Log) newSegment(base int64) *segment {
	return &segment{log: l, base: base, next: base, dir: l.dir, fs: l.fs, x: newIndexes()}
}

// newActive makes an empty active segment.
func (l *Log) newActive(base int64) *segment {
	s := l.newSegment(base)
	s.active, s.loaded = true, true
	return s
}

// acquire opens the file for a user, who must release it, and tells how much of it is written. The caller holds no Log.mu.
func (s *segment) acquire() (vfs.File, int64, error) {
	s.lockWithRoom()
	defer s.mu.Unlock()
	return s.use()
}

// lockWithRoom locks s.mu. If the file will have to be opened then, there is room for it among the open files.
func (s *segment) lockWithRoom() {
	s.mu.Lock()
	if s.file == nil && !s.gone {
		s.mu.Unlock()
		s.log.opts.Files.room()
		s.mu.Lock()
	}
}

// acquireNow is acquire that doesn't care for the bound of open files.
func (s *segment) acquireNow() (vfs.File, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.use()
}

// use is acquire with s.mu held.
func (s *segment) use() (vfs.File, int64, error) {
	if s.gone {
		return nil, 0, errSegmentGone
	}
	if err := s.openFile(); err != nil {
		return nil, 0, err
	}
	s.users++
	s.touched, s.recent = true, true
	return s.file, s.size, nil
}

// openFile opens the file if it is not open. s.mu is held.
func (s *segment) openFile() (err error) {
	switch {
	case s.file != nil:
		return nil
	case s.active:
		s.file, err = s.fs.OpenReadWrite(s.path(suffixLog), vfs.Category)
	default:
		s.file, err = s.fs.Open(s.path(suffixLog))
	}
	if err != nil {
		s.file = nil
		return fmt.Errorf("open segment: %w", err)
	}
	s.log.opts.Files.opened(s)
	return nil
}

// wake opens the file for a writer, who holds the log's append lock.
func (s *segment) wake() error {
	s.lockWithRoom()
	defer s.mu.Unlock()
	s.touched, s.recent = true, true
	return s.openFile()
}

func (s *segment) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users--
	s.closeIfUnused(s.gone)
}

// closeIfUnused closes the file when nobody uses it and unwanted is true. s.mu is held.
func (s *segment) closeIfUnused(unwanted bool) {
	if unwanted && s.users == 0 && s.file != nil {
		_ = s.file.Close() // nothing unsynced depends on it: closing loses nothing
		s.file = nil
		s.log.opts.Files.closed(s)
	}
}

// retire ends the segment's life in this log: new users are refused.
func (s *segment) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	s.closeIfUnused(true)
}

// idle lets go of the file of a segment, and the index of a closed one, that was not used since the last call. synced tells that
// nothing of it is unsynced.
func (s *segment) idle(synced bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.touched || !synced {
		s.touched = false
		return
	}
	s.closeIfUnused(true)
	if s.loaded && !s.active {
		s.loaded = false
		s.x.offsets, s.x.times = nil, nil
	}
}

// rest closes the file until it is needed.
func (s *segment) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeIfUnused(true)
}

// open makes the segment active: its file is opened for writing.
func (s *segment) open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.active {
		s.closeIfUnused(true) // it was open for reading at most
		s.active = true
	}
	s.loaded = true
	return s.openFile()
}

// seal ends writing: the data, the indexes and the largest timestamp are made durable.
func (s *segment) seal() error {
	s.mu.Lock()
	err := s.openFile()
	file := s.file
	s.x.noteTime(s.base)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if err := file.SyncData(); err != nil {
		return fmt.Errorf("sync segment: %w", err)
	}
	vfs.FreeBeyondEnd(file) // what was reserved and not needed
	return s.writeIndexes("", writeIndexFile)
}

// sealUnsynced is seal without its syncs: the caller sees to them.
func (s *segment) sealUnsynced() error {
	s.mu.Lock()
	s.x.noteTime(s.base)
	if s.file != nil {
		vfs.FreeBeyondEnd(s.file)
	}
	s.mu.Unlock()
	return s.writeIndexes("", writeUnsynced)
}

// writeIndexes writes the index files, their names followed by temporary.
func (s *segment) writeIndexes(temporary string, write func(fs vfs.FS, name string, content []byte) error) error {
	s.mu.Lock()
	offsets, times, aborted := s.x.appendOffsets(nil), s.x.appendTimes(nil), s.x.appendAborted(nil)
	s.mu.Unlock()
	if err := write(s.fs, s.path(suffixIndex)+temporary, offsets); err != nil {
		return err
	}
	if err := write(s.fs, s.path(suffixTimeIndex)+temporary, times); err != nil {
		return err
	}
	if len(aborted) == 0 {
		return nil
	}
	return write(s.fs, s.path(suffixTxnIndex)+temporary, aborted)
}

// readIndexes reads the three index files; missing ones but the transaction index are an error.
func (s *segment) readIndexes(size int64) (indexes, error) {
	x := newIndexes()
	offsets, err := vfs.ReadFile(s.fs, s.path(suffixIndex), indexFileMax)
	if err != nil {
		return x, err
	}
	times, err := vfs.ReadFile(s.fs, s.path(suffixTimeIndex), indexFileMax)
	if err != nil {
		return x, err
	}
	aborted, err := vfs.ReadFile(s.fs, s.path(suffixTxnIndex), indexFileMax)
	if err != nil && !vfs.IsNotExist(err) {
		return x, err
	}
	if err := x.parse(offsets, times, aborted, size); err != nil {
		return newIndexes(), err
	}
	if n := len(x.times); n > 0 {
		x.maxTimestamp, x.maxTimestampEnd = x.times[n-1].max, s.base+int64(x.times[n-1].last)
	}
	return x, nil
}

// position gives a place at or before the batch holding offset.
func (s *segment) position(offset int64) (int64, error) {
	if err := s.load(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.x.lookup(offset - s.base), nil
}

// positionOfTime gives a place before which no record has a timestamp of ms or later.
func (s *segment) positionOfTime(ms int64) (int64, error) {
	if err := s.load(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.x.lookup(s.x.before(ms)), nil
}

// load reads the indexes of a closed segment, rebuilding them from the batches when the files are bad.
func (s *segment) load() error {
	s.mu.Lock()
	loaded, size := s.loaded, s.size
	s.mu.Unlock()
	if loaded {
		return nil
	}
	x, err := s.readIndexes(size)
	if err != nil {
		if x, err = s.rebuild(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loaded {
		x.aborted = s.x.aborted // known since the log was opened
		s.x, s.loaded = x, true
	}
	return nil
}

// rebuild reads a closed segment's batches to make its offset and time index anew.
func (s *segment) rebuild() (indexes, error) {
	file, size, err := s.acquire()
	if err != nil {
		return indexes{}, err
	}
	defer s.release()
	x := newIndexes()
	_, err = walk(file, 0, size, func(b record.Batch, pos int64) (bool, error) {
		x.note(s.base, b.LastOffset(), b.MaxTimestamp(), pos, len(b), DefaultConfig().IndexInterval)
		return true, nil
	})
	if err != nil {
		return indexes{}, err
	}
	x.noteTime(s.base)
	return x, nil
}

// walk calls visit for each whole batch from pos on until it says false, bytes that are no batch, or size. It returns where
// it stopped. Batches are valid during the call only. Errors are the disk's and visit's.
func walk(file vfs.File, pos, size int64, visit func(b record.Batch, pos int64) (bool, error)) (int64, error) {
	buf := make([]byte, min(walkBytes, max(size-pos, 0)))
	for pos < size {
		chunk := buf[:min(int64(len(buf)), size-pos)]
		n, err := file.ReadAt(chunk, pos)
		if err != nil && !errors.Is(err, io.EOF) {
			return pos, fmt.Errorf("read segment: %w", err)
		}
		rest := chunk[:n]
		for {
			b, after, err := record.Next(rest)
			if errors.Is(err, record.ErrTorn) {
				break
			}
			if err != nil {
				return pos, nil //nolint:nilerr // bytes that are no batch end the walk: that is its answer
			}
			more, err := visit(b, pos)
			if err != nil || !more {
				return pos, err
			}
			pos += int64(len(b))
			rest = after
		}
		if len(rest) < n {
			continue
		}
		// Not one whole batch fitted: make room for it, or stop when the file ends inside it.
		need := tornLen(rest)
		if need <= int64(n) || pos+need > size {
			return pos, nil
		}
		buf = make([]byte, need)
	}
	return pos, nil
}

// tornLen is the whole length of a batch that buf begins, 0 when not even its header is there.
func tornLen(buf []byte) int64 {
	if len(buf) < record.HeaderLen {
		return 0
	}
	return int64(record.Batch(buf).Length()) + record.PrefixLen
}

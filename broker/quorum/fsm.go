package quorum

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"github.com/freshetdb/freshet/broker/metadata"
)

// commandVersion begins every raft command and snapshot: a version byte, then uvarint term (commands) or version (snapshots), then
// metadata.AppendRecords. See docs/formats/metadata.md.
const commandVersion = 1

// errDeposed answers a command whose decider lost the lead before it was committed: it was decided on another image.
var errDeposed = errors.New("command was decided in an earlier term")

func appendCommand(dst []byte, term uint64, records []metadata.Record) []byte {
	dst = append(dst, commandVersion)
	return metadata.AppendRecords(binary.AppendUvarint(dst, term), records)
}

// decodeCommand reads the number and the records of a command or snapshot.
func decodeCommand(src []byte) (number uint64, records []metadata.Record, err error) {
	if len(src) == 0 || src[0] != commandVersion {
		return 0, nil, fmt.Errorf("metadata command does not begin with version %d", commandVersion)
	}
	number, n := binary.Uvarint(src[1:])
	if n <= 0 {
		return 0, nil, errors.New("metadata command is cut short")
	}
	records, err = metadata.DecodeRecords(src[1+n:])
	return number, records, err
}

// fsm is what raft applies commands to: the image.
type fsm struct {
	log   *slog.Logger
	image atomic.Pointer[metadata.Image]

	mu          sync.Mutex // guards what follows; held while subscribers run
	subscribers []func(*metadata.Image, *metadata.Delta)
	failed      error
}

func newFSM(log *slog.Logger) *fsm {
	f := &fsm{log: log}
	f.image.Store(&metadata.Image{})
	return f
}

func (f *fsm) subscribe(apply func(*metadata.Image, *metadata.Delta)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subscribers = append(f.subscribers, apply)
	img := f.image.Load()
	apply(img, metadata.FullDelta(img))
}

// failure is why the image stopped following the log; the node can't go on then.
func (f *fsm) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// Apply replays one command. What can't be understood stops the image for good: skipping it would make this node disagree.
func (f *fsm) Apply(entry *raft.Log) any {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed != nil {
		return f.failed
	}
	term, records, err := decodeCommand(entry.Data)
	if err != nil {
		return f.fail(entry.Index, err)
	}
	if term != entry.Term {
		return errDeposed
	}
	next, delta, err := metadata.Replay(f.image.Load(), entry.Index, records)
	if err != nil {
		return f.fail(entry.Index, err)
	}
	f.publish(next, delta)
	return nil
}

func (f *fsm) fail(index uint64, err error) error {
	f.failed = fmt.Errorf("metadata entry %d can't be applied: %w", index, err)
	f.log.Error("metadata stopped", "index", index, "err", err)
	return f.failed
}

func (f *fsm) publish(img *metadata.Image, delta *metadata.Delta) {
	f.image.Store(img)
	for _, apply := range f.subscribers {
		apply(img, delta)
	}
}

// Snapshot gives the image away as it is: it never changes.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) { return imageSnapshot{f.image.Load()}, nil }

// Restore replaces the image by a snapshot's.
func (f *fsm) Restore(source io.ReadCloser) error {
	defer func() { _ = source.Close() }() // read to its end or given up
	body, err := io.ReadAll(source)
	if err != nil {
		return fmt.Errorf("read metadata snapshot: %w", err)
	}
	version, records, err := decodeCommand(body)
	if err != nil {
		return fmt.Errorf("metadata snapshot: %w", err)
	}
	img, _, err := metadata.Replay(&metadata.Image{}, version, records)
	if err != nil {
		return fmt.Errorf("metadata snapshot: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.publish(img, metadata.FullDelta(img))
	return nil
}

// imageSnapshot writes an image.
type imageSnapshot struct{ img *metadata.Image }

// Persist writes the records that make the image.
func (s imageSnapshot) Persist(sink raft.SnapshotSink) error {
	if _, err := sink.Write(appendCommand(nil, s.img.Version(), s.img.Records())); err != nil {
		return errors.Join(fmt.Errorf("write metadata snapshot: %w", err), sink.Cancel())
	}
	return sink.Close()
}

// Release frees nothing: the collector does.
func (imageSnapshot) Release() {}

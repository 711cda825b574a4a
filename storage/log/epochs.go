package log

import (
	"bytes"
	"fmt"
	"slices"
	"sort"

	"github.com/freshetdb/freshet/storage/vfs"
)

// epochStart says that leader epoch's first record has offset start.
type epochStart struct {
	epoch int32
	start int64
}

// epochs is a partition's history of leaders, ascending in both fields. Source: KIP-101, LeaderEpochFileCache.
type epochs []epochStart

// latest is the newest epoch, -1 when there is none.
func (e epochs) latest() int32 {
	if len(e) == 0 {
		return -1
	}
	return e[len(e)-1].epoch
}

// assign adds an epoch that begins at start and tells whether it is new. An epoch without records gives way to the next.
func (e epochs) assign(epoch int32, start int64) (epochs, bool) {
	if epoch <= e.latest() {
		return e, false
	}
	e = e.truncateEnd(start)
	return append(e, epochStart{epoch, start}), true
}

// truncateEnd drops the epochs that begin at or after end. The result has memory of its own.
func (e epochs) truncateEnd(end int64) epochs {
	n := sort.Search(len(e), func(i int) bool { return e[i].start >= end })
	return append(epochs(nil), e[:n]...)
}

// truncateStart drops the epochs that end at or before start; the first one left begins there.
func (e epochs) truncateStart(start int64) epochs {
	n := sort.Search(len(e), func(i int) bool { return e[i].start > start })
	if n == 0 {
		return e
	}
	kept := append(epochs(nil), e[n-1:]...)
	kept[0].start = start
	return kept
}

// end gives the largest epoch at or below epoch and where it ends, logEnd for the newest; -1, -1 when there is none.
func (e epochs) end(epoch int32, logEnd int64) (int32, int64) {
	n := sort.Search(len(e), func(i int) bool { return e[i].epoch > epoch })
	if n == 0 || epoch < 0 {
		return -1, -1
	}
	if n == len(e) {
		return e[n-1].epoch, logEnd
	}
	return e[n-1].epoch, e[n].start
}

func readEpochs(fs vfs.FS, dir string) (epochs, error) {
	content, err := vfs.ReadFile(fs, fs.PathJoin(dir, fileEpochs), smallFileMax)
	if vfs.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("leader epochs: %w", err)
	}
	return parseEpochs(content)
}

// parseEpochs reads the checkpoint's text: version 0, the number of lines, and a line "epoch start" each.
func parseEpochs(content []byte) (epochs, error) {
	r := bytes.NewReader(content)
	var version, n int
	if _, err := fmt.Fscan(r, &version, &n); err != nil || version != 0 || n < 0 {
		return nil, fmt.Errorf("leader epochs: version %d with %d entries", version, n)
	}
	var e epochs
	for range n {
		var next epochStart
		if _, err := fmt.Fscan(r, &next.epoch, &next.start); err != nil {
			return nil, fmt.Errorf("leader epochs: entry %d: %w", len(e), err)
		}
		if len(e) > 0 && (next.epoch <= e.latest() || next.start < e[len(e)-1].start) {
			return nil, fmt.Errorf("leader epochs: entry %d goes back", len(e))
		}
		e = append(e, next)
	}
	return e, nil
}

// encode is parseEpochs' inverse.
func (e epochs) encode() []byte {
	content := fmt.Appendf(nil, "0\n%d\n", len(e))
	for _, entry := range e {
		content = fmt.Appendf(content, "%d %d\n", entry.epoch, entry.start)
	}
	return content
}

// saveEpochs makes the file hold e, durably, unless it does. l.appendMu is held.
func (l *Log) saveEpochs(e epochs) error {
	if l.kept != nil && slices.Equal(l.kept, e) {
		return nil
	}
	l.kept = nil
	if err := vfs.WriteFileAtomic(l.fs, l.fs.PathJoin(l.dir, fileEpochs), e.encode()); err != nil {
		return err
	}
	l.kept, l.keeping = append(epochs{}, e...), true
	return nil
}

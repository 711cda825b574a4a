package replica

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/storage/log"
)

// RemoveStrays has Run remove the directories of partitions that the image last applied doesn't hold: their topics were deleted,
// but the process ended before their directories were. It must be called once, after the first ApplyImage, and only when
// directory and metadata are known to belong together, since metadata that was lost would make every partition a stray.
func (m *Manager) RemoveStrays() error {
	names, err := m.opts.FS.List(m.opts.Dir)
	if err != nil {
		return fmt.Errorf("list partitions: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	strays := false
	for _, name := range names {
		tp, ok := partitionOfDir(name)
		dir := m.opts.FS.PathJoin(m.opts.Dir, name)
		if !ok || m.partitions[tp] != nil || len(m.removals[dir]) > 0 {
			continue
		}
		m.removals[dir] = []*removal{{dir: dir, done: make(chan struct{})}}
		strays = true
	}
	if strays {
		m.wake()
	}
	return nil
}

// partitionOfDir reads a directory name of the form <topic>-<partition>.
func partitionOfDir(name string) (metadata.TopicPartition, bool) {
	at := strings.LastIndexByte(name, '-')
	if at <= 0 {
		return metadata.TopicPartition{}, false
	}
	index, err := strconv.ParseInt(name[at+1:], 10, 32)
	if err != nil || index < 0 || strconv.FormatInt(index, 10) != name[at+1:] {
		return metadata.TopicPartition{}, false
	}
	return metadata.TopicPartition{Topic: name[:at], Partition: int32(index)}, true
}

// openLog opens the partition's log. A directory of another topic id is what an earlier topic of the same name left behind.
func (m *Manager) openLog(p *Partition) (*log.Log, error) {
	l, err := log.Open(p.dir, m.logOptions(p))
	if !errors.Is(err, log.ErrTopicID) {
		return l, err
	}
	m.log.Info("directory of a deleted partition removed", "dir", p.dir)
	if err := log.RemoveDir(m.opts.FS, p.dir); err != nil {
		return nil, err
	}
	return log.Open(p.dir, m.logOptions(p))
}

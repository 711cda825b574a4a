package log

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/freshetdb/freshet/storage/vfs"
)

// Names of a partition directory's files, which are Kafka's. A segment's files are named by its base offset in twenty digits.
const (
	suffixLog       = ".log"
	suffixIndex     = ".index"
	suffixTimeIndex = ".timeindex"
	suffixTxnIndex  = ".txnindex"
	suffixSnapshot  = ".snapshot"
	suffixBatches   = ".batches" // beside a snapshot, our own
	suffixDeleted   = ".deleted"
	suffixTemporary = ".tmp"
	suffixCleaned   = ".cleaned" // of a segment that is being cleaned
	suffixSwap      = ".swap"    // of a cleaned segment that takes the place of those it was made of

	fileEpochs   = "leader-epoch-checkpoint"
	fileMetadata = "partition.metadata"
	fileStart    = "log-start-offset-checkpoint" // Kafka keeps one for a whole directory of partitions

	fileCleaned = "cleaner-offset-checkpoint" // likewise

	fileCleanShutdown = ".kafka_cleanshutdown" // in the data directory

	offsetDigits = 20
	smallFileMax = 16 << 20 // checkpoint files larger than this are not ours
	dirMode      = 0o755
)

func fileName(offset int64, suffix string) string {
	return fmt.Sprintf("%0*d%s", offsetDigits, offset, suffix)
}

// parseName splits a segment file's name; ok is false for other files.
func parseName(name string) (offset int64, suffix string, ok bool) {
	if len(name) <= offsetDigits {
		return 0, "", false
	}
	offset, err := strconv.ParseInt(name[:offsetDigits], 10, 64)
	return offset, name[offsetDigits:], err == nil && offset >= 0
}

// WriteCleanShutdown marks a data directory whose logs were all closed. Kafka 4 keeps the broker's epoch in it.
func WriteCleanShutdown(fs vfs.FS, dataDir string, brokerEpoch int64) error {
	content, err := json.Marshal(cleanShutdown{BrokerEpoch: brokerEpoch})
	if err != nil {
		return err
	}
	return vfs.WriteFileAtomic(fs, fs.PathJoin(dataDir, fileCleanShutdown), content)
}

// TakeCleanShutdown tells whether the data directory's logs were all closed, and durably removes the mark, so that it
// holds for one start only. An unreadable mark counts as none.
func TakeCleanShutdown(fs vfs.FS, dataDir string) (clean bool, brokerEpoch int64, err error) {
	name := fs.PathJoin(dataDir, fileCleanShutdown)
	content, err := vfs.ReadFile(fs, name, smallFileMax)
	if vfs.IsNotExist(err) {
		return false, -1, nil
	}
	if err != nil {
		return false, -1, fmt.Errorf("clean shutdown mark: %w", err)
	}
	if err := fs.Remove(name); err != nil {
		return false, -1, fmt.Errorf("remove clean shutdown mark: %w", err)
	}
	if err := vfs.SyncDir(fs, dataDir); err != nil {
		return false, -1, err
	}
	var mark cleanShutdown
	if err := json.Unmarshal(content, &mark); err == nil && mark.Version == 0 {
		return true, mark.BrokerEpoch, nil
	}
	return false, -1, nil
}

type cleanShutdown struct {
	Version     int   `json:"version"`
	BrokerEpoch int64 `json:"brokerEpoch"`
}

// checkTopicID compares the directory's topic id with want, or writes it, unsynced, when the directory has none.
func checkTopicID(fs vfs.FS, dir string, want [16]byte) error {
	if want == [16]byte{} {
		return nil
	}
	name := fs.PathJoin(dir, fileMetadata)
	id := base64.RawURLEncoding.EncodeToString(want[:])
	content, err := vfs.ReadFile(fs, name, smallFileMax)
	if err != nil && !vfs.IsNotExist(err) {
		return fmt.Errorf("partition metadata: %w", err)
	}
	_, found, ok := strings.Cut(string(content), "topic_id: ")
	found = strings.Trim(found, " \r\n\x00")
	// New, or torn by a power cut or a full disk while the directory was made: no id is the beginning of another.
	if !ok || found != id && strings.HasPrefix(id, found) {
		return writeUnsynced(fs, name, []byte("version: 0\ntopic_id: "+id+"\n"))
	}
	if found != id {
		return fmt.Errorf("%w: %q in %s, wanted %q", ErrTopicID, found, dir, id)
	}
	return nil
}

// RemoveDir durably removes a log's directory, if it is there. What tells whose it is goes last: a process that ends in the middle leaves a directory
// that is known for what it is, and a later topic of the same name doesn't take the rest for its own.
func RemoveDir(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if vfs.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove log: %w", err)
	}
	for _, name := range names {
		if name == fileMetadata {
			continue
		}
		if err := fs.RemoveAll(fs.PathJoin(dir, name)); err != nil && !vfs.IsNotExist(err) {
			return fmt.Errorf("remove log: %w", err)
		}
	}
	if err := vfs.SyncDir(fs, dir); err != nil {
		return err
	}
	if err := fs.RemoveAll(dir); err != nil && !vfs.IsNotExist(err) {
		return fmt.Errorf("remove log: %w", err)
	}
	return vfs.SyncDir(fs, fs.PathDir(dir))
}

// readOffset gives the offset that a checkpoint file holds, 0 when there is none.
func readOffset(fs vfs.FS, dir, name string) (int64, error) {
	content, err := vfs.ReadFile(fs, fs.PathJoin(dir, name), smallFileMax)
	if vfs.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	lines := bytes.Split(content, []byte("\n"))
	if len(lines) < 2 || string(lines[0]) != "0" {
		return 0, fmt.Errorf("%s: unknown version in %s", name, dir)
	}
	offset, err := strconv.ParseInt(string(lines[1]), 10, 64)
	if err != nil || offset < 0 {
		return 0, fmt.Errorf("%s: %q in %s", name, lines[1], dir)
	}
	return offset, nil
}

// writeOffset durably replaces a checkpoint file.
func writeOffset(fs vfs.FS, dir, name string, offset int64) error {
	return vfs.WriteFileAtomic(fs, fs.PathJoin(dir, name), fmt.Appendf(nil, "0\n%d\n", offset))
}

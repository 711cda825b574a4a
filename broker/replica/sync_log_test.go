package replica

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/storage/log"
	"github.com/freshetdb/freshet/storage/vfs"
)

// lines is a log that may be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String is what was written so far.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// TestFailedSyncIsLogged: what a failed sync did shows in the log, with the partition's directory and the cause.
func TestFailedSyncIsLogged(t *testing.T) {
	var broken atomic.Bool
	fs := vfs.Inject(vfs.NewMem(), func(op vfs.Op) error {
		if broken.Load() && op.Kind == vfs.OpFileSyncData && strings.HasSuffix(op.Path, ".log") {
			return errors.New("the platter is scratched")
		}
		return nil
	})
	if err := fs.MkdirAll("topics", 0o755); err != nil {
		t.Fatal(err)
	}
	var written lines
	m, err := NewManager(Options{NodeID: 1, FS: fs, Dir: "topics"}, slog.New(slog.NewTextHandler(&written, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	n := &node{Manager: m, t: t, img: &metadata.Image{}}
	p := n.topic("orders")
	mustAppend(t, p, "kept")
	broken.Store(true)
	if a := <-start(p, batch(t, "lost"), AcksAll, 0); !errors.Is(a.Err, log.ErrDiskDead) {
		t.Fatal(a)
	}
	for _, want := range []string{"level=ERROR", `msg="disk unusable until restart"`, "component=replica", "dir=topics/orders-0", "the platter is scratched"} {
		if !strings.Contains(written.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, written.String())
		}
	}
	if clean, err := m.Close(); err != nil || clean {
		t.Errorf("closed as if nothing had happened: clean %t, %v", clean, err)
	}
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, log.ErrDiskDead) {
		t.Error(err)
	}
}

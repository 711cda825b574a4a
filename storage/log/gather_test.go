package log

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshetdb/freshet/storage/vfs"
)

// slowSyncs is a disk in memory whose syncs take a time.
func slowSyncs(took time.Duration) vfs.FS {
	return vfs.Inject(vfs.NewMem(), func(op vfs.Op) error {
		if op.Kind == vfs.OpFileSyncData {
			time.Sleep(took)
		}
		return nil
	})
}

// TestStreamsAreGathered: a client that keeps so much on its way is served with one sync for all of it, and neither waits for more than it
// will send nor makes others wait once it is gone.
func TestStreamsAreGathered(t *testing.T) {
	const (
		syncTook = time.Millisecond
		apart    = 100 * time.Microsecond
		window   = 5
		batches  = 20 * window
	)
	synctest.Test(t, func(t *testing.T) {
		acked := make(chan int64, batches+1)
		syncer := NewSyncer(SyncerOptions{})
		l := openTest(t, slowSyncs(syncTook), func(o *Options) {
			o.Syncer = syncer
			o.OnSynced = func(synced int64, _ error) { acked <- synced }
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- syncer.Run(ctx) }()

		large := string(make([]byte, 64<<10))
		began, sent, synced := time.Now(), int64(0), int64(0)
		for sent < batches {
			for ; sent < batches && sent-synced < window; sent++ {
				time.Sleep(apart)
				appendOne(t, l, batchOf(t, 1, large))
				syncer.Request()
			}
			synced = <-acked
		}
		for synced < batches {
			synced = <-acked
		}
		if rounds := syncer.Rounds(); rounds > batches/window+4 {
			t.Errorf("%d syncs for %d batches, %d at a time", rounds, batches, window)
		}
		if took, most := time.Since(began), (batches/window+4)*(syncTook+window*apart)+2*gatherPause; took > most {
			t.Errorf("the stream took %v, not %v: rounds waited for what did not come", took, most)
		}

		time.Sleep(2 * streamPause)
		began = time.Now()
		appendOne(t, l, batchOf(t, 1, "alone"))
		syncer.Request()
		if <-acked; time.Since(began) != syncTook {
			t.Errorf("alone: durable after %v, a sync takes %v", time.Since(began), syncTook)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

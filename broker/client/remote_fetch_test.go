package client

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/storage/record"
)

// batchAt is a batch of one record at an offset.
func batchAt(t testing.TB, offset int64) []byte {
	t.Helper()
	b := record.NewBuilder(record.None)
	b.Append(1, []byte("key"), []byte("value"), nil)
	batch, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	batch.SetBaseOffset(offset)
	return batch
}

// FuzzRun: whatever a broker says it holds is refused or cut into whole batches; every offset of a run gives a part of it that goes on.
func FuzzRun(f *testing.F) {
	two := append(batchAt(f, 5), batchAt(f, 6)...)
	f.Add(int64(5), two)
	f.Add(int64(6), two[:len(two)-3])
	f.Add(int64(5), append(batchAt(f, 5), record.AppendMarker(nil, 7, 0, 1, record.Marker{Commit: true})...))
	f.Fuzz(func(t *testing.T, at int64, batches []byte) {
		ru, err := newRun(at, &kmsg.FetchResponseTopicPartition{
			RecordBatches: batches, AbortedTransactions: []kmsg.FetchResponseTopicPartitionAbortedTransaction{{ProducerID: 7, FirstOffset: at}},
		})
		if err != nil || len(ru.batches) == 0 {
			return
		}
		if ru.next <= at {
			t.Fatalf("a run from %d ends at %d", at, ru.next)
		}
		for _, offset := range []int64{at, at + (ru.next-at)/2, ru.next - 1} {
			got, err := ru.from(offset, 1)
			if err != nil {
				t.Fatalf("at %d of [%d, %d): %v", offset, at, ru.next, err)
			}
			if b, _, err := record.Next(got.Batches); err != nil || b.NextOffset() <= offset {
				t.Fatalf("at %d of [%d, %d): the first batch does not go on: %v", offset, at, ru.next, err)
			}
		}
	})
}

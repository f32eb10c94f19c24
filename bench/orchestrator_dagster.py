"""The reference of `steps`: a job of Dagster in one process, 1 -> n-2 -> 1 ops that do nothing. Prints the seconds net of start-up."""
import sys
import time

from dagster import DagsterInstance, In, Nothing, Out, job, op

count = int(sys.argv[1])


@op(out=Out(Nothing))
def first():
    pass


@op(ins={"start": In(Nothing)}, out=Out(Nothing))
def middle():
    pass


@op(ins={"start": In(Nothing)})
def last():
    pass


@job
def fan():
    begin = first()
    last([middle.alias(f"t{number}")(start=begin) for number in range(count - 2)])


if __name__ == "__main__":
    with DagsterInstance.ephemeral() as instance:
        begun = time.perf_counter()
        result = fan.execute_in_process(instance=instance)
        seconds = time.perf_counter() - begun
    assert result.success
    print(f"{seconds:.3f}")

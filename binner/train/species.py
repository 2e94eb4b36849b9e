"""`binner train species`: from genomes to a species-aware model that `--encoder` takes."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from binner import artifacts, encoders
from binner.config import MachineConfig
from binner.data import Progress, digest
from binner.encoders.language_model import out_of_memory, working_type
from binner.encoders.tokenizer import TOKENIZER
from binner.encoders.whitening import Whitening
from binner.errors import OptionError
from binner.fit import Watched, fit, rank, ranks
from binner.stages import Watch, unwatched
from binner.train import kinds, model_card, packed, sources, validation
from binner.train.batches import Batch, Batches
from binner.train.error_law import ErrorLawOptions
from binner.train.journal import Journal
from binner.train.kinds import Kind, Start
from binner.train.network import SpeciesNetwork
from binner.train.options import SpeciesOptions
from binner.train.packed import Packed
from binner.train.pairs import Pairs, split
from binner.train.processes import first, together, wait
from binner.train.run_folder import RunFolder

logger = logging.getLogger(__name__)

GENOMES, STATE, LOG = "genomes", "state.pt", "log.csv"
MOST_WORKERS = 8  # processes that prepare batches for a GPU


@dataclass(frozen=True, slots=True)
class Task:
    """What to train on what."""

    genomes: Path  # packed, a folder of FASTA files, or a table
    out: Path
    options: SpeciesOptions
    size: str = "small"  # of SIZES; counts only without `init`
    init: Path | None = None  # folder of the model to start from
    tokenizer: Path | None = None  # folder with a tokenizer.json; None: that of `init`, or one that is learnt
    labels: Path | None = None
    half: bool = False  # whether the weights are written in 16 bits
    tensorboard: Path | None = None
    machine: MachineConfig = field(default_factory=MachineConfig)
    command: tuple[str, ...] = ()

    @property
    def start(self) -> Start:
        """What the network is at first."""
        return Start(self.size, self.init, self.tokenizer)


def train_species(task: Task, *, watch: Watch = unwatched) -> None:
    """Train, choose the best checkpoint by genera kept out of training, and write the model into `task.out`.

    A run that was killed is taken up by the same task. Under `torchrun` every process calls it. Raises InputError and
    OptionError; then nothing is left behind by a run that had not begun.
    """
    folder = RunFolder(task.out)
    with together(task.machine.device) as device, ExitStack() as stack:

        def prepare() -> None:
            stack.enter_context(folder.held())
            _prepare(task, folder, watch)

        first(prepare)
        genomes = packed.read(_packed_folder(task, folder))
        run = _Training(task, folder.work, genomes, device)
        run.begin()
        with watch("Training") as progress:
            try:
                fit(
                    run.network,
                    run.batches,
                    run.loss,
                    config=replace(task.options.fit(), bf16_on_cpu=working_type(torch.device("cpu")) == torch.bfloat16),
                    seed=task.options.seed,
                    device=device,
                    validate=run.look,
                    progress=progress,
                    watched=run.watched(),
                )
            except ArithmeticError as error:
                raise OptionError(f"{error}; lower --learning-rate and name a new folder") from error
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                raise OptionError(
                    f"out of memory on {device}: add --checkpointing, or make a step of more and smaller batches with "
                    f"--accumulate (now {task.options.accumulate}), where each pair is held against fewer, and name a "
                    "new folder"
                ) from error
        if rank() == 0:
            run.journal.close()
            with watch("Measuring the model") as progress:
                folder.finish(lambda result: run.write(result, progress))
            logger.info("%s: ready for --encoder", task.out)
        wait()


def _prepare(task: Task, folder: RunFolder, watch: Watch) -> None:
    """Pack the genomes and learn the tokenizer, unless that has been done."""
    is_packed = task.genomes.is_dir() and packed.is_packed(task.genomes)
    if is_packed and task.labels is not None:
        raise OptionError(f"--labels {task.labels}: the packed genomes have their species; leave --labels out")
    found = [] if is_packed else sources.find(task.genomes, labels=task.labels)
    origin = (
        packed.read(task.genomes).digest
        if is_packed
        else digest(
            *(part for s in found for part in map(str, (s.name, s.path, s.species, s.genus, s.path.stat().st_size)))
        )
    )
    settings = {
        **asdict(task.options),
        "size": None if task.init else task.size,
        "init": artifacts.fingerprint(task.init) if task.init else None,
        "tokenizer": artifacts.fingerprint(task.tokenizer / TOKENIZER) if task.tokenizer else None,
        "half": task.half,
        "genomes": origin,
        "processes": ranks(),
    }
    if folder.check(settings):
        return

    def prepare(work: Path) -> None:
        if is_packed:
            genomes = packed.read(task.genomes)
        else:
            (work / GENOMES).mkdir()
            with watch("Packing the genomes") as progress:
                genomes = packed.pack(found, work / GENOMES, progress=progress)
        with watch("Preparing what is read"):
            kinds.prepare(work, genomes, task.start, seed=task.options.seed)
        _Training(task, work, genomes, "cpu")  # whatever speaks against it does so now

    folder.begin(settings, prepare)


def _packed_folder(task: Task, folder: RunFolder) -> Path:
    own = folder.work / GENOMES
    return own if own.is_dir() else task.genomes


class _Training:
    """What the loop trains, on what, and how it is judged."""

    def __init__(self, task: Task, work: Path, genomes: Packed, device: str) -> None:
        options = task.options
        self.task, self.work, self.genomes, self.device = task, work, genomes, device
        train, held_out = split(genomes, share=options.held_out, seed=options.seed, fold=options.fold)
        at_once = options.pairs // options.accumulate
        if at_once % ranks():
            raise OptionError(f"--pairs: {at_once} at once cannot be shared by {ranks()} processes")
        self.pairs = Pairs(genomes, train, options.of_pairs(at_once), seed=options.seed)
        if len(self.pairs.species) < ranks():
            raise OptionError(
                f"{len(self.pairs.species)} species to train on cannot be shared by {ranks()} processes: start fewer"
            )
        if len(self.pairs.species) < max(at_once, 2 * ranks()):
            logger.warning("%d species to train on: batches of as many pairs", len(self.pairs.species))
        self.kind, self.network = self._network()
        self.journal = Journal(work / LOG, tensorboard=task.tensorboard if rank() == 0 else None)
        self.train, self.held_out = train, held_out
        self._teacher: Whitening | None = None
        self.pieces = validation.draw(genomes, held_out, seed=options.seed)  # what the model is judged on

    def __str__(self) -> str:
        weights = sum(weight.numel() for weight in self.network.backbone.parameters())
        return (
            f"{weights:,} weights, {len(self.pairs.species)} species to train on, "
            f"{len(self.held_out)} kept out, on {self.device}"
        )

    def begin(self) -> None:
        """Weights that know something of the species, for a model from scratch that is not taken up."""
        if rank() == 0:
            logger.info("%s", self)
        if self.task.init or (self.work / STATE).exists():
            return
        self.kind.begin(self.genomes, self.train, seed=self.task.options.seed)

    @property
    def teacher(self) -> Whitening:
        """Whitened k-mers of the species that are trained on."""
        if self._teacher is None:
            self._teacher = validation.teacher(self.genomes, self.train, seed=self.task.options.seed)
        return self._teacher

    def batches(self, had: int) -> Iterator[Batch]:
        """Those behind the first `had`."""
        options = self.task.options
        source = Batches(
            self.pairs,
            self.kind.read,
            options,
            self.network.backbone.config.layers,
            self.teacher if options.distil else None,
            part=rank(),
            parts=ranks(),
        )
        workers = min(MOST_WORKERS, self.task.machine.threads - 1) if self.device != "cpu" else 0
        return source.stream(had, workers=workers, device=self.device)

    def loss(self, batch: Batch) -> torch.Tensor:
        """Of a batch."""
        options = self.task.options
        return self.network.loss(batch, temperature=options.temperature, distil=options.distil)

    def look(self) -> float:
        """Judge the model on the genera kept out; less is better."""
        verdict = self.pieces.judge(self.kind.vectors(self.pieces))
        logger.info("genera kept out: ARI %.3f, %.0f %% of the species recovered", verdict.ari, 100 * verdict.recovered)
        self.journal.figures = {"ari": verdict.ari, "recovered": verdict.recovered}
        return -verdict.score

    def watched(self) -> Watched:
        """For the loop."""

        def report(step: int, figures: Mapping[str, float]) -> None:
            if rank() == 0:
                self.journal.write(step, figures)

        return Watched(report, self.work / STATE, {"head.": self.task.options.head_rate})

    def write(self, result: Path, progress: Progress) -> None:
        """The model, its error law, its card and the log into `result`."""
        model = self.network.backbone.eval()
        if self.task.half:
            model.half()
        self.kind.save(result)
        law = ErrorLawOptions(seed=self.task.options.seed)
        model_card.measure(
            result, self.genomes, law, machine=replace(self.task.machine, device=self.device), progress=progress
        )
        shutil.copyfile(self.work / LOG, result / LOG)
        card = model_card.Card(
            about=self.kind.about,
            command=self.task.command,
            options=self.task.options,
            weights=sum(weight.numel() for weight in model.parameters()),
            start=str(self.task.init) if self.task.init else None,
            genomes=self.genomes,
            held_out=self.held_out,
            rows=self.journal.rows(),
            verdicts={
                "4-mers": self.pieces.judge(self.pieces.four_mers()),
                "whitened 5-mers": self.pieces.judge(
                    self.teacher.embed(self.pieces.codes, self.pieces.start, self.pieces.stop)
                ),
            },
            digest=encoders.load(result).digest,
        )
        (result / model_card.CARD).write_text(card.text())

    def _network(self) -> tuple[Kind, SpeciesNetwork]:
        task = self.task
        dropout = task.options.dropout
        with torch.random.fork_rng([]):
            torch.manual_seed(task.options.seed)
            kind = kinds.start(self.work, task.start, dropout=dropout)
            teacher = validation.TEACHER.directions if task.options.distil else 0
            network = SpeciesNetwork(kind.backbone, teacher=teacher)
        for module in network.modules():
            if isinstance(module, nn.Dropout):
                module.p = dropout
        kind.backbone.checkpointing = task.options.checkpointing
        return kind, network
